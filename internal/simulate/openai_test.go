package simulate

import (
	"context"
	"net/http"
	"testing"
)

func TestModelsAreListed(t *testing.T) {
	server := start(t, Options{})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	res, err := call(t, ctx, http.MethodGet, server.URL()+"/v1/models", "")
	if err != nil {
		t.Fatal(err)
	}
	got := read[struct {
		Object string
		Data   []struct{ ID, Object string }
	}](t, res)
	if got.Object != "list" || len(got.Data) == 0 || got.Data[0].ID == "" || got.Data[0].Object != "model" {
		t.Errorf("%+v", got)
	}
}
