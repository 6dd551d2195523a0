-- PostgreSQL runs this once, when the volume is new.
CREATE DATABASE mlflow;
