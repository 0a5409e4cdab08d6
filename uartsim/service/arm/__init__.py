"""The management REST of the Azure Resource Manager, as far as clients of the console need it."""
