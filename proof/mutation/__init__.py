"""Mutation testing of the runtime: is every change of its code noticed by a test?"""
