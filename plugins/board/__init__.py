"""The cold-start board compares training runs and shows which tables of the warehouse are fresh.

The plots are drawn by the JavaScript files in page/.
"""
