// SPDX-License-Identifier: Apache-2.0
/* openai of npm: responses. */
import assert from "node:assert";
import OpenAI from "openai-7";
import { main, tools } from "./checks.mjs";

function items(turns) {
    return turns.flatMap((turn) => {
        if (turn.results) {
            return turn.results.map(({ id, text }) => ({
                type: "function_call_output",
                call_id: id,
                output: text,
            }));
        }
        if (turn.assistant) {
            return turn.assistant;
        }
        const content = [{ type: "input_text", text: turn.user }];
        if (turn.image) {
            const image_url = `data:image/png;base64,${turn.image}`;
            content.push({ type: "input_image", image_url, detail: "auto" });
        }
        return [{ role: "user", content }];
    });
}

const flat = (list) =>
    list.map(({ name, description, schema }) => ({
        type: "function",
        name,
        description,
        parameters: schema,
        strict: false,
    }));

function body({ model, turns, tools: list, schema, maxTokens, ...more }) {
    return {
        model,
        input: items(turns),
        store: false,
        ...(list && { tools: flat(list) }),
        ...(maxTokens && { max_output_tokens: maxTokens }),
        ...(schema && {
            text: { format: { type: "json_schema", name: "answer", schema, strict: true } },
        }),
        ...more,
    };
}

function result(response) {
    const calls = response.output.filter((item) => item.type === "function_call");
    const cut = response.status === "incomplete" ? "length" : response.status;
    const whole = calls.length > 0 ? "tools" : "stop";
    return {
        text: response.output_text,
        calls: calls.map((call) => ({
            id: call.call_id,
            name: call.name,
            input: JSON.parse(call.arguments),
        })),
        finish: response.status === "completed" ? whole : cut,
        usage: {
            input: response.usage?.input_tokens,
            output: response.usage?.output_tokens,
            cached: response.usage?.input_tokens_details?.cached_tokens,
        },
        turn: response.output,
        id: response.id,
    };
}

async function* stream(client, request) {
    const runner = client.responses.stream(body(request));
    for await (const event of runner) {
        if (event.type === "response.failed" || event.type === "error") {
            throw new Error(event.type);
        }
        yield event.type === "response.output_text.delta" ? event.delta : undefined;
    }
    return result(await runner.finalResponse());
}

/* Reasoning comes and goes back sealed. */
async function keepsReasoning(t) {
    const request = {
        model: t.target.model,
        tools,
        reasoning: { effort: "low", summary: "auto" },
        include: ["reasoning.encrypted_content"],
        turns: [{ user: "Think, then call [[sim:tools]]" }],
    };
    const first = await t.driver.run(t.client, request);
    const reasoning = first.turn.find((item) => item.type === "reasoning");
    assert(reasoning.summary[0].text.length > 0);
    const results = [{ id: first.calls[0].id, name: "get_weather", text: "20 C [[sim:echo]]" }];
    request.turns.push({ assistant: first.turn }, { results });
    const second = await t.driver.run(t.client, request);
    assert.equal(second.text, "20 C [[sim:echo]]");
}

async function goesOnById(t) {
    const ask = (more) => t.client.responses.create({ model: t.target.model, ...more });
    const first = await ask({ input: "Hello", store: true });
    const second = await ask({ input: "And? [[sim:echo]]", previous_response_id: first.id });
    assert.equal(second.output_text, "And? [[sim:echo]]");
}

await main({
    name: "npm openai 7 responses",
    retries: true,
    make: ({ url, retries }) =>
        new OpenAI({ baseURL: `${url}/v1`, apiKey: "sk-test", maxRetries: retries, timeout: 15000 }),
    async run(client, request) {
        return result(await client.responses.create(body(request)));
    },
    stream,
    status: (error) => error.status,
    more: [
        ["reasoning", keepsReasoning, ["responses"]],
        ["previous_response_id", goesOnById, ["responses"]],
    ],
});
