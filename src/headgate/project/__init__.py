"""What the user declares: headgate.yml and the gate files, read and checked."""
