"""Proofs about policies with a solver; needs the extra ``prove``.

A policy becomes a formula over the variables of a connection (``policies``, ``expressions``, ``operators``, ``facts``),
and a question becomes whether a formula can be true (``questions``, ``lints``). Only ``solver`` knows Z3.
"""
