"""Start processes on this machine, and end them with the program that started them."""
