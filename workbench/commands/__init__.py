"""The commands of `workbench`, one module for each topic; heavy imports wait until they are needed."""
