"""What the table is: subject and roles, cells as codes, what holds between columns, the rules they follow."""
