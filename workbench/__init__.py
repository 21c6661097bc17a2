"""Workbench: takes an AI agent pilot to a go/no-go decision with evidence."""
