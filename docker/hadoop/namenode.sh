#!/usr/bin/env bash
# The NameNode; its folder is made the first time.
set -euo pipefail
[ -d /data/name/current ] || hdfs namenode -format -nonInteractive
exec hdfs namenode
