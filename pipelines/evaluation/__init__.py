"""The very models of the product on labelled pictures and films; `detector.evaluation` counts."""
