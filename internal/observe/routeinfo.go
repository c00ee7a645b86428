package observe

import (
	"net"
	"strconv"
	"strings"

	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"

	"ai-gw-lite/internal/config"
)

// routeInfo is what traces say of a route.
type routeInfo struct {
	prefix    string
	upstreams map[string]upstreamInfo // by the name that outcomes have for them
}

type upstreamInfo struct {
	host     string
	port     int
	provider string // gen_ai.provider.name; empty: not known
}

func routesInfo(c *config.Config) map[string]routeInfo {
	all := make(map[string]routeInfo, len(c.Routes))
	for i := range c.Routes {
		r := &c.Routes[i]
		info := routeInfo{r.Prefix, make(map[string]upstreamInfo)}
		for j := range r.Upstreams {
			u := &r.Upstreams[j]
			name := u.ID
			if name == "" {
				name = u.BaseURL.Scheme + "://" + u.BaseURL.Authority
			}
			_, port, _ := net.SplitHostPort(u.BaseURL.Address)
			number, _ := strconv.Atoi(port)
			info.upstreams[name] = upstreamInfo{u.BaseURL.ServerName, number, providerAt(u.BaseURL.ServerName)}
		}
		all[r.ID] = info
	}
	return all
}

// hosts are the providers' own, by the end of their name.
var hosts = []struct{ host, provider string }{
	{"api.openai.com", semconv.GenAIProviderNameOpenAI.Value.AsString()},
	{"api.anthropic.com", semconv.GenAIProviderNameAnthropic.Value.AsString()},
	{"generativelanguage.googleapis.com", semconv.GenAIProviderNameGCPGemini.Value.AsString()},
	{"aiplatform.googleapis.com", semconv.GenAIProviderNameGCPVertexAI.Value.AsString()},
	{"openai.azure.com", semconv.GenAIProviderNameAzureAIOpenAI.Value.AsString()},
	{"services.ai.azure.com", semconv.GenAIProviderNameAzureAIInference.Value.AsString()},
	{"amazonaws.com", semconv.GenAIProviderNameAWSBedrock.Value.AsString()},
	{"cohere.com", semconv.GenAIProviderNameCohere.Value.AsString()},
	{"cohere.ai", semconv.GenAIProviderNameCohere.Value.AsString()},
	{"api.mistral.ai", semconv.GenAIProviderNameMistralAI.Value.AsString()},
	{"api.deepseek.com", semconv.GenAIProviderNameDeepseek.Value.AsString()},
	{"api.groq.com", semconv.GenAIProviderNameGroq.Value.AsString()},
	{"api.x.ai", semconv.GenAIProviderNameXAI.Value.AsString()},
	{"api.perplexity.ai", semconv.GenAIProviderNamePerplexity.Value.AsString()},
	{"ml.cloud.ibm.com", semconv.GenAIProviderNameIBMWatsonxAI.Value.AsString()},
}

func providerAt(host string) string {
	host = strings.ToLower(host)
	for _, h := range hosts {
		rest, ok := strings.CutSuffix(host, h.host)
		if ok && (rest == "" || strings.HasSuffix(rest, ".") || strings.HasSuffix(rest, "-")) {
			return h.provider
		}
	}
	return ""
}

// operations are what APIs offer, by the end of their path. The family is the
// provider whose API has that shape: "the best knowledge" that the conventions
// ask for where a host does not tell.
var operations = []struct{ suffix, operation, family string }{
	{"/chat/completions", "chat", "openai"},
	{"/completions", "text_completion", "openai"},
	{"/responses", "chat", "openai"},
	{"/embeddings", "embeddings", "openai"},
	{"/messages", "chat", "anthropic"},
	{":generateContent", "generate_content", "gcp.gemini"},
	{":streamGenerateContent", "generate_content", "gcp.gemini"},
	{":embedContent", "embeddings", "gcp.gemini"},
	{"/v1/chat", "chat", "cohere"},
	{"/v2/chat", "chat", "cohere"},
	{"/v2/embed", "embeddings", "cohere"},
	{"/api/chat", "chat", ""},
	{"/api/generate", "text_completion", ""},
	{"/api/embed", "embeddings", ""},
	{"/converse", "chat", "aws.bedrock"},
	{"/converse-stream", "chat", "aws.bedrock"},
}

func operationOf(path string) (operation, family string) {
	for _, o := range operations {
		if strings.HasSuffix(path, o.suffix) {
			return o.operation, o.family
		}
	}
	return "", ""
}
