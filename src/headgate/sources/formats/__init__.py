"""How files of each format are read: what columns they have, and the SQL that reads them."""
