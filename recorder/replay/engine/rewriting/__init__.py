"""Write recorded answers and events with the values of a live client."""
