"""Where data lives: branches, releases, and the store that keeps them."""
