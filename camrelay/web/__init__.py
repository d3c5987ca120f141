"""The pages: plain HTML, CSS and JavaScript files, no build step."""
