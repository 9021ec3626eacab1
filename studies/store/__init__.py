"""What is kept: trials as plain files in a folder or below a URL, with leases, so that several runs share them."""
