"""``make acceptance``: what the documentation says of AWS, tried in an account, with one check for each sentence."""
