"""Government: dossiers, documents, registers of products and prices."""
