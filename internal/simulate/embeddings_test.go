package simulate

import (
	"encoding/base64"
	"math"
	"strings"
	"testing"
)

func TestEmbeddingsAreTheSameForTheSameText(t *testing.T) {
	server := start(t, Options{})
	body := `{"model":"text-embedding-3-small","input":["one two","three","one two"],"dimensions":8,"encoding_format":"FORMAT"}`
	floats := read[struct {
		Data []struct {
			Index     int
			Embedding []float32
		}
		Usage struct {
			Prompt int `json:"prompt_tokens"`
			Total  int `json:"total_tokens"`
		}
	}](t, ask(t, server.URL()+"/v1/embeddings", strings.Replace(body, "FORMAT", "float", 1)))
	if len(floats.Data) != 3 || floats.Usage.Prompt != 5 || floats.Usage.Total != 5 {
		t.Fatalf("%+v", floats)
	}
	one, three, again := floats.Data[0].Embedding, floats.Data[1].Embedding, floats.Data[2].Embedding
	var length float64
	for i := range 8 {
		length += float64(one[i]) * float64(one[i])
		if one[i] != again[i] || one[i] == three[i] {
			t.Errorf("dimension %d: %v, %v, %v", i, one[i], three[i], again[i])
		}
	}
	if math.Abs(length-1) > 1e-5 {
		t.Errorf("length %v", length)
	}
	packed := read[struct{ Data []struct{ Embedding string } }](t, ask(t, server.URL()+"/v1/embeddings", strings.Replace(body, "FORMAT", "base64", 1)))
	raw, err := base64.StdEncoding.DecodeString(packed.Data[0].Embedding)
	if err != nil || len(raw) != 8*4 {
		t.Fatalf("%d bytes, %v", len(raw), err)
	}
	if got := math.Float32frombits(uint32(raw[0]) | uint32(raw[1])<<8 | uint32(raw[2])<<16 | uint32(raw[3])<<24); got != one[0] {
		t.Errorf("packed %v, want %v", got, one[0])
	}
}
