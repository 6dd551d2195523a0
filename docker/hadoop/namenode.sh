#!/usr/bin/env bash
# Starts the NameNode. The first time, formats its folder.
set -euo pipefail
[ -d /data/name/current ] || hdfs namenode -format -nonInteractive
exec hdfs namenode
