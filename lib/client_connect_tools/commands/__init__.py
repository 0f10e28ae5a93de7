"""The commands of ``client-connect``, one a module. What costs time to import is imported where it is used."""
