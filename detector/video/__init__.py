"""Video station: a file or camera becomes packets, which are kept, and frames, which are analysed."""
