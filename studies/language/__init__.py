"""What a user writes: study files and scale files, with file and line in every error, and what they expand to."""
