-- Run once, when the volume is new.
CREATE DATABASE mlflow;
