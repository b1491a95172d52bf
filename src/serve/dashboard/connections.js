// How other programs connect to a table: ready strings, never with a password. Pure functions.
const STARS = '********';

const shellWord = (text) =>
  /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
const sqlName = (text) => `\`${text.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
const python = (text) => JSON.stringify(text);

// `target`: `connect` of /api/instance. Gives [[name, text], …].
export function connections(target, database, table) {
  const { host, http_port: port, user, is_secure: isSecure } = target;
  const select = `SELECT * FROM ${sqlName(database)}.${sqlName(table)} LIMIT 20`;
  const client = [
    'clickhouse-client',
    '--host',
    host,
    ...(isSecure ? ['--secure'] : []),
    '--user',
    user,
    '--password',
    '--database',
    database,
    '--query',
    select,
  ];
  // The native port of an embedded engine is not known here; its own client needs none.
  const own = ['qvdhouse', 'query', select];
  return [
    target.is_embedded
      ? ['qvdhouse query', own.map(shellWord).join(' ')]
      : ['clickhouse-client', client.map(shellWord).join(' ')],
    [
      'JDBC (DBeaver, Metabase)',
      `jdbc:clickhouse://${host}:${port}/${encodeURIComponent(database)}` +
        `?user=${encodeURIComponent(user)}&password=${STARS}${isSecure ? '&ssl=true' : ''}`,
    ],
    [
      'Grafana (grafana-clickhouse-datasource)',
      [
        `Server address: ${host}`,
        `Server port: ${port}`,
        'Protocol: HTTP',
        `Secure connection: ${isSecure ? 'on' : 'off'}`,
        `Username: ${user}`,
        `Password: ${STARS}`,
        `Default database: ${database}`,
      ].join('\n'),
    ],
    [
      'Python (clickhouse-connect)',
      [
        'import clickhouse_connect',
        '',
        'client = clickhouse_connect.get_client(',
        `    host=${python(host)}, port=${port}, secure=${isSecure ? 'True' : 'False'},`,
        `    username=${python(user)}, password="${STARS}", database=${python(database)})`,
        `print(client.query_df(${python(select)}))`,
      ].join('\n'),
    ],
  ];
}
