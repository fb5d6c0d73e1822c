// Talks to the bridge that served this page, with the cookie of this origin. Decides nothing: the database does.

/** An answer that is no success: its problem body, for the person and for the caller. */
export class Refusal extends Error {
  constructor(status, problem) {
    super(problem?.message ?? `the bridge answered ${status}`);
    this.status = status;
    this.code = problem?.code ?? "unreachable";
    this.hint = problem?.hint ?? null;
    this.requestId = problem?.request_id ?? null;
  }
}

/** Calls the bridge; body goes as JSON. Throws a Refusal unless the answer is a success. */
export async function call(method, path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
    });
  } catch {
    throw new Refusal(0, { code: "unreachable", message: "the bridge cannot be reached" });
  }
  const content = answer.headers.get("Content-Type")?.includes("json") ? await answer.json() : null;
  if (!answer.ok) throw new Refusal(answer.status, content);
  return content;
}
