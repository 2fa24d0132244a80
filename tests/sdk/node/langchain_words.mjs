// SPDX-License-Identifier: Apache-2.0
/* The chat models of LangChain. */
import { HumanMessage, ToolMessage } from "@langchain/core/messages";

const finishes = {
    stop: "stop",
    tool_calls: "tools",
    length: "length",
    end_turn: "stop",
    tool_use: "tools",
    max_tokens: "length",
};

function messages(turns) {
    return turns.flatMap((turn) => {
        if (turn.results) {
            return turn.results.map(
                ({ id, name, text }) => new ToolMessage({ tool_call_id: id, name, content: text }),
            );
        }
        if (turn.assistant) {
            return [turn.assistant];
        }
        const content = [{ type: "text", text: turn.user }];
        if (turn.image) {
            const url = `data:image/png;base64,${turn.image}`;
            content.push({ type: "image_url", image_url: { url } });
        }
        return [new HumanMessage({ content })];
    });
}

function bound(client, { model, tools, maxTokens }) {
    const chat = client({ model, maxTokens });
    const list = tools?.map(({ name, description, schema }) => ({
        type: "function",
        function: { name, description, parameters: schema },
    }));
    return list ? chat.bindTools(list) : chat;
}

function result(message) {
    const usage = message.usage_metadata;
    const told = message.response_metadata.finish_reason ?? message.response_metadata.stop_reason
        ?? message.additional_kwargs?.stop_reason;
    return {
        text: message.text,
        calls: (message.tool_calls ?? []).map(({ id, name, args }) => ({ id, name, input: args })),
        finish: finishes[told] ?? told,
        usage: {
            input: usage?.input_tokens,
            output: usage?.output_tokens,
            cached: usage?.input_token_details?.cache_read,
        },
        turn: message,
    };
}

async function run(client, request) {
    if (request.schema) {
        const chat = client({ model: request.model }).withStructuredOutput(
            { title: "answer", ...request.schema },
            { name: "answer", method: "jsonSchema" },
        );
        return { text: JSON.stringify(await chat.invoke(messages(request.turns))) };
    }
    return result(await bound(client, request).invoke(messages(request.turns)));
}

async function* stream(client, request) {
    const abort = new AbortController();
    let whole;
    try {
        const chunks = await bound(client, request).stream(messages(request.turns), {
            signal: abort.signal,
        });
        for await (const chunk of chunks) {
            whole = whole ? whole.concat(chunk) : chunk;
            yield chunk.text;
        }
    } finally {
        abort.abort();
    }
    return result(whole);
}

export const langchainDriver = (name, make, more) => ({
    name,
    retries: true,
    make: ({ url, retries }) => (options) => make(url, retries, options),
    run,
    stream,
    status: (error) => error.status ?? error.cause?.status,
    ...more,
});
