package soak

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"testing"

	"ai-gw-lite/internal/testcert"
)

// newCertificate makes the provider's certificate and a file of roots that
// trusts it.
func newCertificate(t *testing.T) (pair tls.Certificate, rootFile string) {
	authority := testcert.New()
	rootFile = filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(rootFile, authority.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	return authority.Pair("127.0.0.1"), rootFile
}
