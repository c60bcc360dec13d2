package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	authorityFile    = "ca.pem"
	authorityKeyFile = "ca-key.pem"
	hour             = 3600
	// clockError keeps a certificate from being valid later than the agent's clock says.
	clockError = time.Minute
)

// authority issues certificates: its own server's, and those of agents.
type authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// openAuthority reads the authority of a folder, or makes one there.
func openAuthority(folder string) (*authority, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(folder, authorityFile), filepath.Join(folder, authorityKeyFile))
	if errors.Is(err, os.ErrNotExist) {
		return makeAuthority(folder)
	}
	if err != nil {
		return nil, err
	}
	return &authority{certificate: pair.Leaf, key: pair.PrivateKey.(crypto.Signer)}, nil
}

func makeAuthority(folder string) (*authority, error) {
	key, keyPEM, err := newKey()
	if err != nil {
		return nil, err
	}
	a := &authority{key: key}
	template := template(pkix.Name{CommonName: "Interop authority " + hex.EncodeToString(serial().Bytes()[:4])}, 24*hour)
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign
	a.certificate = template
	der, err := a.sign(template, key.Public())
	if err != nil {
		return nil, err
	}
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(folder, authorityKeyFile), keyPEM, 0o600); err != nil {
		return nil, err
	}
	return a, os.WriteFile(filepath.Join(folder, authorityFile), certificatePEM(der), 0o600)
}

// server issues a certificate for servers on this machine.
func (a *authority) server() (tls.Certificate, error) {
	key, _, err := newKey()
	if err != nil {
		return tls.Certificate{}, err
	}
	template := template(pkix.Name{CommonName: "localhost"}, hour)
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	template.DNSNames, template.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	der, err := a.sign(template, key.Public())
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// agent issues a certificate for an agent, with a key made here.
func (a *authority) agent(name string, seconds int) (cert, key []byte, err error) {
	signer, key, err := newKey()
	if err != nil {
		return nil, nil, err
	}
	der, err := a.client(template(pkix.Name{CommonName: name}, seconds), signer.Public())
	return certificatePEM(der), key, err
}

// request issues what a certificate request asks for, if it is signed with the key that it names.
func (a *authority) request(csr []byte, seconds int) (cert []byte, err error) {
	request, err := readRequest(csr)
	if err != nil {
		return nil, err
	}
	template := template(request.Subject, seconds)
	template.URIs, template.DNSNames = request.URIs, request.DNSNames
	der, err := a.client(template, request.PublicKey)
	return certificatePEM(der), err
}

func (a *authority) client(template *x509.Certificate, public any) ([]byte, error) {
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return a.sign(template, public)
}

func (a *authority) sign(template *x509.Certificate, public any) ([]byte, error) {
	return x509.CreateCertificate(rand.Reader, template, a.certificate, public, a.key)
}

func (a *authority) pem() []byte { return certificatePEM(a.certificate.Raw) }

func readRequest(csr []byte) (*x509.CertificateRequest, error) {
	block, rest := pem.Decode(csr)
	if block == nil || block.Type != "CERTIFICATE REQUEST" || len(rest) > 0 {
		return nil, errors.New("the request is not one PEM block of type CERTIFICATE REQUEST")
	}
	request, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, err
	}
	return request, request.CheckSignature()
}

func template(subject pkix.Name, seconds int) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial(), Subject: subject,
		NotBefore: now.Add(-clockError), NotAfter: now.Add(time.Duration(seconds) * time.Second),
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
}

func newKey() (crypto.Signer, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}

func serial() *big.Int {
	number, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err)
	}
	return number.SetBit(number, 119, 1)
}

func certificatePEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func fingerprint(certificate *x509.Certificate) string {
	sum := sha256.Sum256(certificate.Raw)
	return hex.EncodeToString(sum[:])
}
