"""Permits, licences and exemptions as imported lists; the product works without any, and says what it cannot check."""
