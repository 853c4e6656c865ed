"""README's commands where nothing is: Debian in a folder, made anew for each row of docs/install.md's table."""
