"""`python -m pipelines …` is `roadwarden …`."""

from pipelines.cli import main

if __name__ == "__main__":
    main()
