"""A project to begin with: policies, their tests, an app, a pipeline and the settings of an editor."""
