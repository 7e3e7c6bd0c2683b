"""What a deployment is made of: packages, their known flaws, their names, and files of models."""
