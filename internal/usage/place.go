package usage

// A place is where in an answer a JSON value stands, for the places that
// matter. All others are nowhere, and whatever lies below them is passed over
// without a look at its keys.
type place uint8

const (
	nowhere place = iota

	// Where a document begins.
	top        // of an answer: an object, or Gemini's array of them
	requestTop // of a request

	// Arrays, which lead to their elements.
	choices
	candidateList
	results

	// Objects, which lead to their members.
	request
	root // the object of one answer or one event
	message
	response
	session
	delta
	choice
	candidate
	result
	xGroq
	promptFeedback
	serverContent
	usageObject
	usageMetadata
	meta
	tokens
	billedUnits
	inputDetails
	outputDetails
	cacheCreation

	// Values that are noticed, and not looked into.
	typeText
	modelText
	finishText // says why the answer ended, once it has
	errorMark
	doneMark
	turnMark

	// Figures. Those from bare on stand beside the answer, not in an object of
	// their own; see bareNames.
	figure
	bare = figure + place(fieldCount)
)

func figureOf(f field) place { return figure + place(f) }

// Ollama's and watsonx's figures. The order is that of bareNames.
const (
	totalDuration place = bare + iota
	loadDuration
	promptEvalCount
	promptEvalDuration
	evalCount
	evalDuration
	inputTokenCount
	generatedTokenCount
)

var bareNames = [...]string{
	"total_duration", "load_duration",
	"prompt_eval_count", "prompt_eval_duration",
	"eval_count", "eval_duration",
	"input_token_count", "generated_token_count",
}

func (p place) isObject() bool { return p >= request && p <= cacheCreation }
func (p place) isLeaf() bool   { return p >= typeText }

// holdsUsage: the object is the provider's usage object, kept as sent.
func (p place) holdsUsage() bool { return p == usageObject || p == usageMetadata || p == meta }

// element is the place of an array's elements.
func (p place) element() place {
	switch p {
	case top:
		return root
	case choices:
		return choice
	case candidateList:
		return candidate
	case results:
		return result
	}
	return nowhere
}

// fieldOf is the field that a figure's place fills, if it is one that counts.
func (p place) fieldOf() (field, bool) {
	switch p {
	case promptEvalCount, inputTokenCount:
		return wholeInput, true
	case evalCount, generatedTokenCount:
		return completion, true
	}
	return field(p - figure), p >= figure && p < bare
}
