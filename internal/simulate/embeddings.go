package simulate

import (
	"encoding/base64"
	"encoding/binary"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"net/http"
)

// embeddings is POST /v1/embeddings: the same text has the same vector, of
// length 1.
func embeddings(_ *http.Request, body []byte) (question, error) {
	var req struct {
		Model          string
		Input          any // a text, or several
		Dimensions     int
		EncodingFormat string `json:"encoding_format"`
	}
	if err := decode(body, &req); err != nil {
		return question{}, err
	}
	if req.Dimensions == 0 {
		req.Dimensions = 1536
	}
	if req.Dimensions < 1 || req.Dimensions > 1<<16 {
		return question{}, refusal{status: http.StatusBadRequest, message: "Invalid value for 'dimensions'."}
	}
	inputs, several := req.Input.([]any)
	if !several {
		inputs = []any{req.Input}
	}
	if len(inputs) > maxValues/req.Dimensions {
		return question{}, refusal{status: http.StatusBadRequest, message: "Too many inputs of so many dimensions."}
	}
	q := question{model: req.Model, prompt: textIn(req.Input), values: len(inputs) * req.Dimensions}
	q.whole = func(a answer) object {
		var data list
		for i, input := range inputs {
			vector := any(embedding(textIn(input), req.Dimensions))
			if req.EncodingFormat == "base64" {
				vector = packed(vector.([]float32))
			}
			data = append(data, object{{"object", "embedding"}, {"index", i}, {"embedding", vector}})
		}
		return object{
			{"object", "list"},
			{"data", data},
			{"model", q.model},
			{"usage", object{{"prompt_tokens", a.usage.Prompt}, {"total_tokens", a.usage.Prompt}}},
		}
	}
	return q, nil
}

func embedding(text string, dimensions int) []float32 {
	seed := fnv.New64a()
	_, _ = seed.Write([]byte(text)) // never fails
	random := rand.New(rand.NewPCG(seed.Sum64(), 0))
	vector := make([]float32, dimensions)
	var square float64
	for i := range vector {
		vector[i] = float32(random.NormFloat64())
		square += float64(vector[i]) * float64(vector[i])
	}
	for i := range vector {
		vector[i] /= float32(math.Sqrt(square))
	}
	return vector
}

// packed is a vector as OpenAI's base64: little-endian float32s.
func packed(vector []float32) string {
	var b []byte
	for _, v := range vector {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return base64.StdEncoding.EncodeToString(b)
}
