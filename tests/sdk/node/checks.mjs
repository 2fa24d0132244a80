// SPDX-License-Identifier: Apache-2.0
/*
 * The checks that each SDK has to pass with each provider behind it. A driver is one file: how its
 * SDK is asked, in one form of request and one form of result:
 *
 *   request  { model, turns, tools, schema, maxTokens }
 *     turns  [{ user, image } | { assistant: result.turn } | { results: [{ id, name, text }] }]
 *   result   { text, calls: [{ id, name, input }], finish: "stop" | "tools" | "length",
 *              usage: { input, output, cached }, turn }
 *
 *   name, retries (does it, by itself?), make({ url, retries }), run(client, request),
 *   stream(client, request): an async generator of texts that returns a result and aborts the
 *     request when it is left; status(error): the HTTP status, or undefined
 *   cached(back, inStream): does the SDK tell of cached tokens? Absent: yes, if the provider does
 *   skips: { CHECK: why, or a function of the back that tells it }; more: [[CHECK, async (t) => ..., backs]]
 *
 * The environment: URL (without a path), SIM (where the provider tells what it got), TARGETS (JSON:
 * [{ back, model, vectors, flaky }]). Prints TAP. A row of `more` may name the providers that it is
 * for; `embedding` are those that make vectors.
 */
import assert from "node:assert";

const PNG =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const CHECK_MS = 20000;

export const embedding = ["openai", "responses", "ollama", "gemini"];

export const tools = [
    {
        name: "get_weather",
        description: "The weather in a city now",
        schema: {
            type: "object",
            properties: { city: { type: "string" }, days: { type: "integer" } },
            required: ["city"],
            additionalProperties: false,
        },
    },
    {
        name: "get_time",
        description: "The time in a zone",
        schema: { type: "object", properties: { zone: { type: "string" } }, required: ["zone"] },
    },
];

const answerSchema = {
    type: "object",
    properties: { answer: { type: "string" }, count: { type: "integer" } },
    required: ["answer", "count"],
    additionalProperties: false,
};

let nonces = 0;
const nonce = () => `nonce-${process.pid}-${++nonces}-`;

async function drain(generator) {
    const pieces = [];
    for (;;) {
        const { done, value } = await generator.next();
        if (done) {
            return { ...value, pieces };
        }
        if (value) {
            pieces.push(value);
        }
    }
}

/* The newest request with this text that the provider got. */
async function received(t, text) {
    const response = await fetch(`${process.env.SIM}/sim/requests?from=${t.from}`);
    const { requests } = await response.json();
    return requests.filter((request) => request.body.includes(text)).at(-1);
}

async function until(condition, what) {
    const end = Date.now() + 8000;
    for (;;) {
        const value = await condition();
        if (value) {
            return value;
        }
        assert(Date.now() < end, `not within 8 s: ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
}

function sound(result, finish) {
    assert.equal(result.finish, finish);
    if (result.usage !== null) {
        assert(result.usage.input > 0, `input tokens: ${JSON.stringify(result.usage)}`);
        assert(result.usage.output > 0, `output tokens: ${JSON.stringify(result.usage)}`);
    }
}

/* --- the checks --- */

const ECHOED = "Grüße an Zoë, 日本 \u{1f600} \"quoted\" \\ back [[sim:echo]]";

async function chat(t) {
    const result = await t.run({ turns: [{ user: ECHOED }] });
    assert.equal(result.text, ECHOED);
    sound(result, "stop");
}

async function streams(t) {
    const result = await drain(t.stream({ turns: [{ user: ECHOED }] }));
    assert.equal(result.pieces.join(""), ECHOED);
    assert.equal(result.text, ECHOED);
    assert(result.pieces.length > 3, `pieces: ${result.pieces.length}`);
    sound(result, "stop");
}

async function goesOn(t) {
    const first = await t.run({ turns: [{ user: "One [[sim:tokens-5]]" }] });
    const turns = [{ user: "One" }, { assistant: first.turn }, { user: "Two [[sim:echo]]" }];
    const second = await t.run({ turns });
    assert.equal(second.text, "Two [[sim:echo]]");
}

async function endsByLength(t) {
    const request = { turns: [{ user: "Tell me [[sim:tokens-60]]" }], maxTokens: 16 };
    sound(await t.run(request), "length");
    sound(await drain(t.stream(request)), "length");
}

/* The calls are answered, the last result asks for its own text again. */
async function roundTrip(t, user, result, streamed) {
    const results = result.calls.map((call, i) => ({
        id: call.id,
        name: call.name,
        text: i + 1 === result.calls.length ? `result ${i} [[sim:echo]]` : `result ${i}`,
    }));
    const request = { tools, turns: [{ user }, { assistant: result.turn }, { results }] };
    const last = await (streamed ? drain(t.stream(request)) : t.run(request));
    const arrived = last.text.includes(results.at(-1).text); /* perhaps as a member of an object */
    assert(arrived, `the model saw: ${last.text}`);
    sound(last, "stop");
}

async function callsATool(t) {
    const user = "Rome? [[sim:tools]]";
    const result = await t.run({ tools, turns: [{ user }] });
    assert.deepEqual(result.calls.map((call) => call.name), ["get_weather"]);
    assert.equal(typeof result.calls[0].input.city, "string");
    sound(result, "tools");
    await roundTrip(t, user, result, false);
}

async function callsToolsInAStream(t) {
    const user = "Both! [[sim:tools-parallel-2]]";
    const result = await drain(t.stream({ tools, turns: [{ user }] }));
    assert.deepEqual(result.calls.map((call) => call.name), ["get_weather", "get_time"]);
    assert.equal(typeof result.calls[0].input.city, "string");
    assert.equal(typeof result.calls[1].input.zone, "string");
    assert.notEqual(result.calls[0].id, result.calls[1].id);
    sound(result, "tools");
    await roundTrip(t, user, result, true);
}

async function speaksBeforeACall(t) {
    const result = await drain(t.stream({ tools, turns: [{ user: "x [[sim:tools-with-text]]" }] }));
    assert(result.text.length > 0);
    assert.deepEqual(result.calls.map((call) => call.name), ["get_weather"]);
}

async function sendsAnImage(t) {
    const mark = nonce();
    const result = await t.run({ turns: [{ user: `What is it? ${mark}`, image: PNG }] });
    assert(result.text.length > 0);
    const request = await received(t, mark);
    assert(request?.body.includes(PNG), "the provider got no image");
}

async function answersBySchema(t) {
    /* the word is the name of the tool that an SDK may make of the schema: models without a word for
       "this tool must be called" call it then too */
    const result = await t.run({ turns: [{ user: "Count, as json" }], schema: answerSchema });
    const value = JSON.parse(result.text);
    assert.equal(typeof value.answer, "string");
    assert.equal(typeof value.count, "number");
}

async function tellsOfTheCache(t) {
    const user = "A prompt that is long enough to have been cached [[sim:usage-cached-5]]";
    const whole = await t.run({ turns: [{ user }] });
    const streamed = await drain(t.stream({ turns: [{ user }] }));
    const told = (inStream) =>
        t.target.back !== "ollama" && (t.driver.cached?.(t.target.back, inStream) ?? true) ? 5 : 0;
    assert.equal(whole.usage.cached ?? 0, told(false));
    assert.equal(streamed.usage.cached ?? 0, told(true));
}

async function raises(t, status, action) {
    let error;
    try {
        await action();
    } catch (raised) {
        error = raised;
    }
    assert(error, "nothing was raised");
    assert.equal(t.driver.status(error), status, String(error?.stack ?? error));
}

async function raisesErrors(t) {
    const asking = (chain) => ({ turns: [{ user: `x [[sim:${chain}]]` }] });
    await raises(t, 400, () => t.run(asking("status-400")));
    await raises(t, 400, () => drain(t.stream(asking("context-length"))));
}

async function triesAgain(t) {
    if (!t.driver.retries) {
        await assert.rejects(t.run({ model: t.target.flaky, turns: [{ user: "a" }] }));
    }
    const client = t.driver.make({ url: process.env.URL, retries: 3 });
    const request = { model: t.target.flaky, turns: [{ user: "Again [[sim:echo]]" }] };
    const result = await t.driver.run(client, request);
    assert(result.text.length > 0);
}

async function raisesInAStream(t) {
    await assert.rejects(
        drain(t.stream({ turns: [{ user: "x [[sim:tokens-50-error-in-stream-5]]" }] })),
        "a stream that broke off ended as if it were whole",
    );
}

async function breaksOff(t) {
    const mark = nonce();
    let seen = 0;
    for await (const piece of t.stream({
        turns: [{ user: `${mark} [[sim:event-20-tokens-2000]]` }],
        maxTokens: 4000,
    })) {
        if (piece && ++seen === 3) {
            break;
        }
    }
    assert.equal(seen, 3);
    await until(async () => (await received(t, mark))?.result === "aborted", "the abort arrives");
}

const checks = [
    ["chat", chat],
    ["stream", streams],
    ["conversation", goesOn],
    ["length", endsByLength],
    ["tool", callsATool],
    ["tools in a stream", callsToolsInAStream],
    ["text before a call", speaksBeforeACall],
    ["image", sendsAnImage],
    ["schema", answersBySchema],
    ["cached tokens", tellsOfTheCache],
    ["errors", raisesErrors],
    ["retry", triesAgain],
    ["error in a stream", raisesInAStream],
    ["abort", breaksOff],
];

/* --- the run --- */

async function inTime(action) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error("the check took too long")), CHECK_MS);
    });
    try {
        return await Promise.race([action, late]);
    } finally {
        clearTimeout(timer);
    }
}

function tester(driver, target, from) {
    const client = driver.make({ url: process.env.URL, retries: 0 });
    const filled = (request) => ({ model: target.model, ...request });
    return {
        driver,
        target,
        client,
        from,
        run: (request) => driver.run(client, filled(request)),
        stream: (request) => driver.stream(client, filled(request)),
    };
}

async function requestsSoFar() {
    const { requests } = await (await fetch(`${process.env.SIM}/sim/stats`)).json();
    return requests;
}

/* Why a check does not apply to a target, or undefined. */
function whyNot(driver, target, name) {
    const skip = driver.skips?.[name];
    return typeof skip === "function" ? skip(target.back) : skip;
}

export async function main(driver) {
    const targets = JSON.parse(process.env.TARGETS);
    let number = 0;
    let failed = 0;
    for (const target of targets) {
        const t = tester(driver, target, await requestsSoFar());
        const more = (driver.more ?? []).filter(([, , backs]) => backs?.includes(target.back) ?? true);
        for (const [name, check] of [...checks, ...more]) {
            const says = `${driver.name} -> ${target.back}: ${name}`;
            const reason = whyNot(driver, target, name);
            number++;
            if (reason) {
                console.log(`ok ${number} - ${says} # SKIP ${reason}`);
                continue;
            }
            try {
                await inTime(check(t));
                console.log(`ok ${number} - ${says}`);
            } catch (error) {
                failed++;
                console.log(`not ok ${number} - ${says}`);
                console.log("# " + String(error?.stack ?? error).slice(0, 1500).replaceAll("\n", "\n# "));
            }
        }
    }
    console.log(`1..${number}`);
    process.exit(failed ? 1 : 0);
}
