package usage

// member is the place of an object's member.
//
// The switches are the table of where each provider puts what. Keys are
// compared as sent: one spelled with escapes is no key of any provider.
func (p place) member(key []byte) place {
	switch p {
	case root:
		switch string(key) {
		case "usage": // OpenAI and its like, Anthropic, Mistral, Cohere v2, Bedrock, DashScope
			return usageObject
		case "usageMetadata": // Gemini
			return usageMetadata
		case "meta": // Cohere v1
			return meta
		case "message": // Anthropic's message_start; Ollama's chat
			return message
		case "response": // OpenAI's responses and realtime; Cohere v1's stream-end; Ollama's generate
			return response
		case "session": // OpenAI realtime
			return session
		case "delta": // Anthropic's message_delta; Cohere v2's message-end
			return delta
		case "choices":
			return choices
		case "candidates":
			return candidateList
		case "results": // watsonx
			return results
		case "x_groq":
			return xGroq
		case "promptFeedback": // Gemini, of a prompt that it refused
			return promptFeedback
		case "serverContent": // Gemini Live
			return serverContent
		case "type", "event_type": // event_type: Cohere v1
			return typeText
		case "model", "modelVersion", "model_id": // Gemini, watsonx
			return modelText
		case "finish_reason": // Cohere v1
			return finishText
		case "error":
			return errorMark
		case "done": // Ollama
			return doneMark
		}
		return bareFigure(key)
	case message:
		switch string(key) {
		case "usage":
			return usageObject
		case "model":
			return modelText
		}
	case response:
		switch string(key) {
		case "usage":
			return usageObject
		case "meta":
			return meta
		case "model":
			return modelText
		case "finish_reason":
			return finishText
		}
	case request, session:
		if string(key) == "model" {
			return modelText
		}
	case delta:
		switch string(key) {
		case "usage":
			return usageObject
		case "stop_reason", "finish_reason":
			return finishText
		case "error": // Cohere v2
			return errorMark
		}
	case choice:
		switch string(key) {
		case "usage": // Moonshot
			return usageObject
		case "finish_reason":
			return finishText
		}
	case candidate:
		if string(key) == "finishReason" {
			return finishText
		}
	case result:
		return bareFigure(key)
	case xGroq:
		switch string(key) {
		case "usage":
			return usageObject
		case "error":
			return errorMark
		}
	case promptFeedback:
		if string(key) == "blockReason" {
			return finishText
		}
	case serverContent:
		if string(key) == "turnComplete" {
			return turnMark
		}
	default:
		return usageMember(p, key)
	}
	return nowhere
}

// usageMember is member for what lies in a usage object.
func usageMember(p place, key []byte) place {
	switch p {
	case usageObject, meta:
		switch string(key) {
		case "prompt_tokens":
			return figureOf(wholeInput)
		case "completion_tokens":
			return figureOf(completion)
		case "total_tokens", "totalTokens":
			return figureOf(total)
		case "input_tokens", "inputTokens":
			return figureOf(input)
		case "output_tokens", "outputTokens":
			return figureOf(output)
		case "cache_read_input_tokens", "cacheReadInputTokens":
			return figureOf(cacheRead)
		case "cache_creation_input_tokens", "cacheWriteInputTokens":
			return figureOf(cacheWrite)
		case "cached_tokens", "prompt_cache_hit_tokens": // Moonshot and Cohere; DeepSeek
			return figureOf(cachedPart)
		case "prompt_tokens_details", "input_tokens_details", "input_token_details":
			return inputDetails
		case "completion_tokens_details", "output_tokens_details", "output_token_details":
			return outputDetails
		case "cache_creation":
			return cacheCreation
		case "tokens":
			return tokens
		case "billed_units":
			return billedUnits
		}
	case inputDetails:
		switch string(key) {
		case "cached_tokens":
			return figureOf(cachedPart)
		case "cache_write_tokens":
			return figureOf(writtenPart)
		}
	case outputDetails:
		switch string(key) {
		case "reasoning_tokens", "thinking_tokens": // OpenAI; Anthropic
			return figureOf(reasoning)
		}
	case cacheCreation:
		switch string(key) {
		case "ephemeral_5m_input_tokens":
			return figureOf(cacheWrite5m)
		case "ephemeral_1h_input_tokens":
			return figureOf(cacheWrite1h)
		}
	case tokens:
		switch string(key) {
		case "input_tokens":
			return figureOf(wholeInput)
		case "output_tokens":
			return figureOf(completion)
		}
	case billedUnits:
		switch string(key) {
		case "input_tokens":
			return figureOf(billedInput)
		case "output_tokens":
			return figureOf(billedOutput)
		}
	case usageMetadata:
		switch string(key) {
		case "promptTokenCount":
			return figureOf(wholeInput)
		case "toolUsePromptTokenCount":
			return figureOf(toolInput)
		case "cachedContentTokenCount":
			return figureOf(cachedPart)
		case "candidatesTokenCount", "responseTokenCount": // Gemini Live says response
			return figureOf(candidates)
		case "thoughtsTokenCount":
			return figureOf(thoughts)
		case "totalTokenCount":
			return figureOf(total)
		}
	}
	return nowhere
}

func bareFigure(key []byte) place {
	if len(key) < len("eval_count") {
		return nowhere
	}
	for i, name := range bareNames {
		if string(key) == name {
			return bare + place(i)
		}
	}
	return nowhere
}
