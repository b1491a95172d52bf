// Requests to the service's API, with the token where one is needed.
const TOKEN_KEY = 'qvdhouse.token';

// `status` 0: the service could not be reached.
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export const token = {
  get: () => sessionStorage.getItem(TOKEN_KEY) ?? '',
  set: (value) => sessionStorage.setItem(TOKEN_KEY, value),
  clear: () => sessionStorage.removeItem(TOKEN_KEY),
};

// Leaves out what is empty: "/api/files?status=failed".
export function path(base, parameters = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== '' && value !== null && value !== undefined) query.set(name, value);
  }
  return query.size > 0 ? `${base}?${query}` : base;
}

// `key`: the token, "" for none.
export async function send(url, options = {}, key = token.get()) {
  const headers = { ...options.headers };
  if (key !== '') headers.Authorization = `Bearer ${key}`;
  let response;
  try {
    response = await fetch(url, { ...options, headers, cache: 'no-store' });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(0, 'The service does not answer. It may have been stopped.');
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  const allowed =
    problem.allowed === undefined ? '' : ` Allowed: ${[problem.allowed].flat().join(', ')}.`;
  const text = problem.detail ?? problem.title ?? `The service answered ${response.status}.`;
  throw new ApiError(response.status, text + allowed);
}

export async function get(url, signal) {
  return (await send(url, { signal })).json();
}

export async function post(url, body = {}) {
  const response = await send(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  return text === '' ? {} : JSON.parse(text);
}
