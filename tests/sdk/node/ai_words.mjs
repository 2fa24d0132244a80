// SPDX-License-Identifier: Apache-2.0
/* The ai package: one way of asking for all its providers. */
import { APICallError, Output, RetryError, generateText, jsonSchema, streamText, tool } from "ai";

globalThis.AI_SDK_LOG_WARNINGS = false;

const finishes = { stop: "stop", "tool-calls": "tools", length: "length" };

function messages(turns) {
    return turns.flatMap((turn) => {
        if (turn.results) {
            const content = turn.results.map(({ id, name, text }) => ({
                type: "tool-result",
                toolCallId: id,
                toolName: name,
                output: { type: "text", value: text },
            }));
            return [{ role: "tool", content }];
        }
        if (turn.assistant) {
            return turn.assistant;
        }
        const content = [{ type: "text", text: turn.user }];
        if (turn.image) {
            content.push({ type: "image", image: turn.image, mediaType: "image/png" });
        }
        return [{ role: "user", content }];
    });
}

function options(client, { model, turns, tools, schema, maxTokens }) {
    const list = tools?.map(({ name, description, schema: inputSchema }) => [
        name,
        tool({ description, inputSchema: jsonSchema(inputSchema) }),
    ]);
    return {
        model: client.provider(model),
        maxRetries: client.retries,
        messages: messages(turns),
        ...(list && { tools: Object.fromEntries(list) }),
        ...(maxTokens && { maxOutputTokens: maxTokens }),
        ...(schema && { output: Output.object({ schema: jsonSchema(schema) }) }),
    };
}

async function result(answer) {
    const usage = await answer.usage;
    const calls = await answer.toolCalls;
    const finish = await answer.finishReason;
    return {
        text: await answer.text,
        calls: calls.map(({ toolCallId, toolName, input }) => ({ id: toolCallId, name: toolName, input })),
        finish: finishes[finish] ?? finish,
        usage: {
            input: usage.inputTokens,
            output: usage.outputTokens,
            cached: usage.cachedInputTokens,
        },
        turn: (await answer.response).messages,
    };
}

async function* stream(client, request) {
    const abort = new AbortController();
    const answer = streamText({
        ...options(client, request),
        abortSignal: abort.signal,
        onError: () => {},
    });
    let whole = false;
    try {
        for await (const part of answer.fullStream) {
            if (part.type === "error") {
                throw part.error;
            }
            yield part.type === "text-delta" ? part.text : undefined;
        }
        whole = true;
        return await result(answer);
    } finally {
        if (!whole) {
            abort.abort();
        }
    }
}

function status(error) {
    const last = RetryError.isInstance(error) ? error.lastError : error;
    return APICallError.isInstance(last) ? last.statusCode : undefined;
}

export const aiDriver = (name, make, more) => ({
    name,
    retries: true,
    make: ({ url, retries }) => ({ provider: make(url), retries }),
    run: async (client, request) => result(await generateText(options(client, request))),
    stream,
    status,
    ...more,
});
