// SPDX-License-Identifier: Apache-2.0
/* The openai package of npm against a running gateway: BASE_URL. TAP on stdout. */
import assert from "node:assert";
import OpenAI from "openai-7";

const client = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: "sk-test", maxRetries: 0, timeout: 20000 });
const hello = [{ role: "user", content: "Hello there" }];
const tools = [
    {
        type: "function",
        function: {
            name: "weather",
            parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
        },
    },
];

async function modelsAreListed() {
    const names = [];
    for await (const model of client.models.list()) {
        names.push(model.id);
    }
    assert(names.includes("auto") && names.includes("small"), names.join());
}

async function chatAnswers() {
    const { data, response } = await client.chat.completions
        .create({ model: "auto", messages: hello }, { headers: { "x-sluice-task": "chat" } })
        .withResponse();
    assert(data.choices[0].message.content);
    assert(data.usage.completion_tokens > 0);
    assert.equal(response.headers.get("x-sluice-task"), "chat");
    assert.equal(data._request_id, response.headers.get("x-sluice-call-id"));
}

async function streams(model) {
    let text = "";
    let usage = null;
    const stream = await client.chat.completions.create({
        model,
        messages: hello,
        stream: true,
        stream_options: { include_usage: true },
    });
    for await (const chunk of stream) {
        text += chunk.choices[0]?.delta?.content ?? "";
        usage = chunk.usage ?? usage;
    }
    assert(text.length > 0);
    assert(usage.completion_tokens > 0);
}

async function toolsInAStream(model) {
    const runner = client.chat.completions.stream({
        model,
        tools,
        messages: [{ role: "user", content: "Weather in Rome? [[sim:tools]]" }],
    });
    const completion = await runner.finalChatCompletion();
    const call = completion.choices[0].message.tool_calls[0];
    assert.equal(call.function.name, "weather");
    assert.equal(typeof JSON.parse(call.function.arguments), "object");
}

async function breaksOff() {
    const stream = await client.chat.completions.create({
        model: "small",
        messages: [{ role: "user", content: "x [[sim:endless]]" }],
        stream: true,
    });
    let seen = 0;
    for await (const _ of stream) {
        if (++seen === 3) {
            break; /* the SDK aborts the request */
        }
    }
    assert.equal(seen, 3);
}

async function errors() {
    const create = (body, options) => client.chat.completions.create(body, options);
    await assert.rejects(create({ model: "nobody", messages: hello }), (e) => {
        return e instanceof OpenAI.NotFoundError && e.code === "model_not_found" && e.param === "/model";
    });
    await assert.rejects(create({ model: "auto", messages: [] }), (e) => {
        return e instanceof OpenAI.BadRequestError && e.code === "empty_messages";
    });
    await assert.rejects(create({ model: "small", messages: hello }, { headers: { "x-sluice-max-cost-usd": "0" } }), (e) => {
        return e instanceof OpenAI.UnprocessableEntityError && e.code === "no_feasible_target";
    });
    await assert.rejects(create({ model: "broken", messages: [{ role: "user", content: "x [[sim:status-500]]" }] }), (e) => {
        return e instanceof OpenAI.InternalServerError && e.code === "upstream_failed";
    });
}

async function cutStream() {
    const stream = await client.chat.completions.create({
        model: "cut",
        messages: [{ role: "user", content: "x [[sim:reset-mid-3]]" }],
        stream: true,
    });
    await assert.rejects(async () => {
        for await (const _ of stream) {
            /* until it breaks */
        }
    });
}

const tests = [
    ["models are listed", modelsAreListed],
    ["a chat is answered, headers tell the decision", chatAnswers],
    ["a stream has text and usage", () => streams("auto")],
    ["a local model streams, translated", () => streams("llama")],
    ["a tool is called in a stream", () => toolsInAStream("small")],
    ["a local model calls a tool in a stream", () => toolsInAStream("llama")],
    ["a client may break off an endless stream", breaksOff],
    ["errors are the SDK's own classes, with codes", errors],
    ["a cut stream is an error", cutStream],
];

let failed = 0;
console.log(`1..${tests.length}`);
for (const [index, [says, test]] of tests.entries()) {
    try {
        await test();
        console.log(`ok ${index + 1} - npm openai: ${says}`);
    } catch (error) {
        failed++;
        console.log(`not ok ${index + 1} - npm openai: ${says}`);
        console.log("# " + String(error.stack).replaceAll("\n", "\n# "));
    }
}
process.exit(failed ? 1 : 0);
