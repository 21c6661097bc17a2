"""How the models that ship with the workbench are made."""
