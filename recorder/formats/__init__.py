"""Read and write formats of others that several rooms need: charsets, compression, dates, multipart, web tokens."""
