"""Dashboards for people who never open a notebook: served by Voila, on a page of our own."""
