Q="/work/main/build/dev/qvdhouse query --data-dir /tmp/x/d"
$Q "CREATE TABLE t (_file LowCardinality(String), a Int64) ENGINE=MergeTree PARTITION BY _file ORDER BY a"
$Q "INSERT INTO t SELECT 'x', number FROM numbers(1000)"
$Q "CREATE TABLE s AS t"
$Q "INSERT INTO s SELECT 'x', number FROM numbers(500)"
P=$($Q "SELECT DISTINCT partition_id FROM system.parts WHERE table='s'" --format TSVRaw)
$Q "ALTER TABLE t REPLACE PARTITION ID '$P' FROM s"
for i in 1 2 3 4 5 6 7 8; do date +%S.%N; $Q "SELECT name, active, _state, rows FROM system.parts WHERE table='t'" --format TSV;  sleep 0.3; done
