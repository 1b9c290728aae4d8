select * from read_csv('{{ var("data") }}/store.csv')
