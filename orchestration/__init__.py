"""Code that the DAGs and the plugins share.

dag_defaults.py: retries, timeouts and schedules. pools.py: the pool of the heavy tasks.
date_waits.py and spark_stages.py: the tasks of the daily and the history DAG.
training_tasks.py and promotion_tasks.py: the functions that the tasks of the retraining DAG call. training_operators.py
runs training commands for them, in the task's own process or, with training_container.py, in a container.
run_dates.py: the dates that a DAG run processes. task_failures.py: how a task fails, and whether it is retried.
assets.py, task_messages.py and board_address.py: messages and links that tasks show to people.
"""
