"""AWS on this machine: the emulator, the real CDK command line, AWS's own runtime client, and the demo."""
