// SPDX-License-Identifier: Apache-2.0
/* @openrouter/sdk: strict about every member. */
import { OpenRouter } from "@openrouter/sdk";
import { main } from "./checks.mjs";
import { chatTools } from "./openai_words.mjs";

const finishes = { stop: "stop", tool_calls: "tools", length: "length" };

function messages(turns) {
    return turns.flatMap((turn) => {
        if (turn.results) {
            return turn.results.map(({ id, text }) => ({ role: "tool", toolCallId: id, content: text }));
        }
        if (turn.assistant) {
            return [turn.assistant];
        }
        if (!turn.image) {
            return [{ role: "user", content: turn.user }];
        }
        const url = `data:image/png;base64,${turn.image}`;
        const content = [
            { type: "text", text: turn.user },
            { type: "image_url", imageUrl: { url } },
        ];
        return [{ role: "user", content }];
    });
}

function body({ model, turns, tools, schema, maxTokens }) {
    return {
        model,
        messages: messages(turns),
        ...(tools && { tools: chatTools(tools) }),
        ...(maxTokens && { maxCompletionTokens: maxTokens }),
        ...(schema && {
            responseFormat: { type: "json_schema", jsonSchema: { name: "answer", schema, strict: true } },
        }),
    };
}

function result(message, finish, usage) {
    const calls = message.toolCalls ?? [];
    return {
        text: message.content ?? "",
        calls: calls.map((call) => ({
            id: call.id,
            name: call.function.name,
            input: JSON.parse(call.function.arguments),
        })),
        finish: finishes[finish] ?? finish,
        usage: {
            input: usage?.promptTokens,
            output: usage?.completionTokens,
            cached: usage?.promptTokensDetails?.cachedTokens,
        },
        turn: { role: "assistant", content: message.content, ...(calls.length && { toolCalls: calls }) },
    };
}

/* Adds the piece of a call to those before it. */
function join(calls, delta) {
    const call = (calls[delta.index] ??= { id: "", type: "function", function: { name: "", arguments: "" } });
    call.id ||= delta.id ?? "";
    call.function.name += delta.function?.name ?? "";
    call.function.arguments += delta.function?.arguments ?? "";
}

async function* stream(client, request) {
    const abort = new AbortController();
    const chatRequest = { ...body(request), stream: true, streamOptions: { includeUsage: true } };
    const message = { content: "", toolCalls: [] };
    let finish;
    let usage;
    try {
        const chunks = await client.chat.send({ chatRequest }, { fetchOptions: { signal: abort.signal } });
        for await (const chunk of chunks) {
            if (chunk.error) {
                throw new Error(chunk.error.message);
            }
            const choice = chunk.choices[0];
            message.content += choice?.delta.content ?? "";
            (choice?.delta.toolCalls ?? []).forEach((delta) => join(message.toolCalls, delta));
            finish = choice?.finishReason ?? finish;
            usage = chunk.usage ?? usage;
            yield choice?.delta.content;
        }
    } finally {
        if (!finish) {
            abort.abort();
        }
    }
    return result(message, finish, usage);
}

const backoff = { initialInterval: 10, maxInterval: 100, exponent: 1.5, maxElapsedTime: 10000 };

await main({
    name: "npm @openrouter/sdk",
    retries: true,
    make: ({ url, retries }) =>
        new OpenRouter({
            apiKey: "sk-test",
            serverURL: `${url}/v1`,
            retryConfig: retries
                ? { strategy: "backoff", backoff, retryConnectionErrors: true }
                : { strategy: "none" },
        }),
    async run(client, request) {
        const answer = await client.chat.send({ chatRequest: { ...body(request), stream: false } });
        const { message, finishReason } = answer.choices[0];
        return result(message, finishReason, answer.usage);
    },
    stream,
    status: (error) => error.statusCode,
});
