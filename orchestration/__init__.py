"""Code that the DAGs and the plugins share.

dag_defaults.py: retries, timeouts and schedules. pools.py: the pool of the heavy tasks.
run_dates.py: the dates that a DAG run processes. date_waits.py and spark_stages.py: the tasks of the daily and the
history DAG. spark_stage_operator.py runs a stage for them with spark-submit.
training_tasks.py and promotion_tasks.py: the functions that the tasks of the retraining DAG call, scoring_tasks.py and
watch_tasks.py: those of the scoring and the watching DAG. training_operators.py runs training commands for them, in the
task's own process with training_command.py or in a container with training_container.py.
child_commands.py: what stages and containers have in common.
task_failures.py: how a task fails, and whether it is retried.
assets.py, task_messages.py and board_address.py: messages and links that tasks show to people.
"""
