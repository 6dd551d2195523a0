"""What the words of reports and of the board mean, a line each."""

WORDS = {
    "AUC": "how often a clicked row gets a higher score than one that was not clicked; 0.5 is chance. Its 95% interval "
    "takes a user's rows as one cluster.",
    "Share": "(AUC - 0.5) / (best reachable AUC - 0.5): how much of what can be learned was learned.",
    "Best reachable": "the AUC of the true click probabilities. Only sample logs have them.",
    "GAUC": "the AUC among each user's own rows, weighted by impressions.",
    "Log loss": "the error of the predicted probabilities, in nats; lower is better.",
    "Normalised entropy": "log loss divided by that of predicting one click rate for all rows; lower is better.",
    "ECE": "calibration error: how far predicted click rates are from observed ones; lower is better.",
}
LEVELS_ARE = (
    "The level of a user or an item is zero, few or warm by the number of impressions it had in the training window."
)
OF_THE_BOARD = {
    "Lead": "AUC minus the champion's on the same rows, with its 95% interval (paired, a user's rows as one cluster). "
    "If that holds 0, the two may be equally good. It is computed for ticked runs.",
    "Champion": "the run that serves, marked ★. A retraining changes it only for a run that is surely better.",
    "As of": "the last day of logs that a run may use. It is validated on that day, or on the last days up to it.",
}
