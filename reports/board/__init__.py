"""Board of many runs: one static site with a table, charts, images and a page per model."""
