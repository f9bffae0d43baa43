"""Policy files to rules, or every problem in them."""
